"""Space for service 公共空间换服务: use of a room against promised service hours, with both sides counted."""
