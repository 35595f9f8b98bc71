"""Suppliers 供应商: who is paid, and whether they are related to somebody who decides."""
