"""PostgreSQL as the only truth: tenant-bound transactions, commit before the answer, row-level security under all of
it.
"""

from shared.db.base import Ltree, TenantRow, UtcTime, Xid8, service_base
from shared.db.database import Database, StatelessConnection
from shared.db.kept import KeptStatement, keep
from shared.db.kernel_models import ReferenceModels, kernel_models, reference_models
from shared.db.session import ReadSession, Session, WriteSession
from shared.db.tenants import TENANT_PATTERN, begin_statement, check_tenant

__all__ = [
    "TENANT_PATTERN",
    "Database",
    "KeptStatement",
    "Ltree",
    "ReadSession",
    "ReferenceModels",
    "Session",
    "StatelessConnection",
    "TenantRow",
    "UtcTime",
    "WriteSession",
    "Xid8",
    "begin_statement",
    "check_tenant",
    "keep",
    "kernel_models",
    "reference_models",
    "service_base",
]
