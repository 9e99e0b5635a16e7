"""How long a match is remembered."""

from features.match_state import MatchState

DAY_MS = 86_400_000
KEPT_AFTER_END_MS = DAY_MS
KEPT_AFTER_KICK_OFF_MS = 7 * DAY_MS


def expires_at_ms(state: MatchState) -> int:
    """Return the event time after which *state* may leave its table.

    24 h after the end; 7 d after the kick-off of a match which never started; else 7 d after the last event.
    """
    ended = state.ended_at_ms
    if ended is not None:
        return ended + KEPT_AFTER_END_MS
    if state.scheduled and not state.started:
        return state.scheduled[-1].kick_off_ms + KEPT_AFTER_KICK_OFF_MS
    heard = [known.as_of_ms for known in state.features.values()]
    heard += [held.occurred_at_ms for held in state.held]
    heard += [one.kick_off_ms for one in state.scheduled[-1:]]
    return max(state.last_event_ms, *heard, 0) + KEPT_AFTER_KICK_OFF_MS
