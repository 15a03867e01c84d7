"""What an event is called in a job's history, and what a person can do next: plain sentences, nothing else."""

from pixverse_nb.jobs import events
from pixverse_nb.jobs.actions import awaits_word
from pixverse_nb.jobs.events import Event
from pixverse_nb.models import JobState
from pixverse_nb.privacy import masked
from pixverse_nb.record import JobRecord
from pixverse_nb.show.moments import DECIDED, TAKEN_UP


def told(event: Event, after: JobRecord) -> str:
    """Return one line for the job's history."""
    match event:
        case events.UploadStarted():
            text = "uploading the pictures"
        case events.PicturesUploaded():
            text = "both pictures are at the vendor"
        case events.AccountLeft():
            text = "another account has room: it goes there"
        case events.IntentMade():
            text = f"paid call {after.attempt} is about to leave"
        case events.CallAccepted():
            text = "accepted by the vendor: paid"
        case events.CallRefused(text=said):
            text = f"refused, nothing paid: {said}"
        case events.CallPostponed(text=said):
            text = f"not accepted, nothing paid: {said}"
        case events.AnswerLost(reason=said):
            text = f"no answer to the paid call ({said}); checking the vendor's list, never sending it again blindly"
        case events.RowSeen():
            text = f"the vendor's list shows it {after.state.value}"
        case events.RowMissing():
            text = "not in the vendor's list" if after.state is JobState.UNKNOWN else "proved: never accepted, not paid"
        case events.DebitSeen() | events.LookalikeSeen():
            text = after.question or "it was looked at"
        case events.Decided(was_paid=was_paid):
            text = f"{DECIDED}: the lost call was {'' if was_paid else 'not '}paid"
        case events.Downloaded():
            text = "downloaded, checked and stored"
        case events.FileLost(text=said):
            text = said
        case events.Troubled(text=said):
            text = said
        case events.DeadlinePassed() | events.CancelAsked():
            text = after.error or after.state.value
        case events.TakenUp():
            text = TAKEN_UP
    return masked(text)


def next_step(record: JobRecord, *, is_resting: bool) -> str | None:
    """Return what a person can do now, or None where nothing is to be done."""
    again = f'client.job("{record.ref}")'
    state = record.state
    if awaits_word(record):
        return (
            f"It came in a bundle and the machine it comes from may still send it; {again}.resume() sends it from here."
        )
    if state is JobState.DONE and record.error is not None:
        return f"{again} asks the vendor again; nothing is paid again."
    if record.parked:
        return f"Mend that, then {again} goes on; nothing is paid again."
    if state is JobState.TIMED_OUT:
        return f"{again} takes it up again." + ("" if record.charged == "no" else " Nothing is paid again.")
    if state is JobState.CANCELLED and record.charged != "no":
        return f"{again}.resume() goes on waiting for it; nothing is paid again."
    if record.question is not None and record.lookalike is not None:
        return (
            f"{again}.decide(was_paid=True) takes that one and its video; {again}.decide(was_paid=False) sends the "
            "call again, which pays anew. Until then it is not sent."
        )
    if record.question is not None:
        return (
            f"{again}.decide(was_paid=True) keeps it as paid and ends the search; "
            f"{again}.decide(was_paid=False) sends it again, which pays anew. Until then it is looked for and not sent."
        )
    if state is JobState.UNKNOWN:
        return "Nothing to do: the vendor's list settles it. It is not sent again before that."
    if state is JobState.FAILED:
        return "The same call makes a new, paid try."
    if is_resting:
        return f"It was never sent; {again} sends it."
    return None
