"""Questions 质询: a resident asks about a line of an open book, and the answer stands beside it for everybody."""
