"""Record a visit: begin at a household, continue a draft, see what became of it."""

from survey.i18n import gettext as _
from survey.ui import capture, shell, submissions

actor = shell.page(_("Visit"))
asked = capture.task()
if asked.instance_id:
    submissions.reason_above(actor, asked.instance_id)
    capture.fill(actor, asked.instance_id)
elif asked.household_id:
    capture.begin(actor, asked.household_id, asked.form_id)
else:
    capture.unfinished(actor)
