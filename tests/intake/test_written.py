"""What a step writes of a case: all that can change, so that nothing is lost beside the session."""

from services.intake.cases.models import Case
from services.intake.cases.writing import WRITTEN

# What a case is filed with and keeps.
KEPT = {
    "tenant_id",
    "id",
    "number",
    "category",
    "title",
    "description",
    "area_id",
    "area_path",
    "latitude",
    "longitude",
    "place_text",
    "requester_id",
    "channel",
    "anonymous",
    "external_source",
    "external_ref",
    "import_id",
    "filed_at",
}
# What is changed after its step, and written by the session.
AFTER = {"answers", "form_version", "answers_changed_at"}


def test_a_step_writes_all_of_a_case_that_can_change() -> None:
    columns = {column.key for column in Case.__table__.columns}
    assert {*WRITTEN, "triage"} == columns - KEPT - AFTER
