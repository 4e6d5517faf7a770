"""Today: who is to be visited, what was begun, which cases wait."""

from survey import i18n
from survey.i18n import gettext as _
from survey.ui import navigation, shell, today

actor = shell.page(_("Today"))
on = i18n.today()
if not today.has_field_work(actor):
    today.elsewhere(actor)
else:
    work = today.gather(actor, on)
    if work.attention:
        today.attention(work.attention)
    if work.nothing_waits:
        shell.empty(
            _("Nothing waits today. Choose a household to visit."),
            _("Find a household"),
            to=navigation.HOUSEHOLDS,
        )
    else:
        today.to_correct(actor, work.returned)
        today.unfinished(work.drafts)
        today.promised(work.follow_ups, work.area_names, on)
        today.contacts(work.contacts, on)
        today.to_ask(work.questionnaires)
        today.to_act_on(work.cases, mine=work.mine)
