"""Hypothesis strategies: any event of each type."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from shared.events import (
    EVENT_TYPES,
    AlertChanged,
    Check,
    DeadLetterSettled,
    DeadLetterStop,
    Event,
    Evidence,
    Fallback,
    Fault,
    Feedback,
    Judged,
    JudgedModel,
    LabelledPart,
    ModelStamp,
    PartAnomalyMap,
    PartCrop,
    PartImage,
    RolloutBreach,
    RolloutChanged,
    ShadowVerdict,
    Timings,
    TrainingCancelled,
    TrainingProgress,
    TrainingRequest,
    TrainingResult,
    TrainingSpec,
    Verdict,
    decide,
    label_of,
)
from shared.events.feedback import DECIDED

texts = st.text(min_size=1, max_size=30)
plain = st.characters(exclude_categories=["Cc", "Cs"])
"""No control characters: what an id may hold."""
slugs = st.text("abz019", min_size=1, max_size=3) | st.sampled_from(["a-b", "line_1.x", "z" * 63])
floats = st.floats(allow_nan=False, allow_infinity=False)
positive = st.floats(0, 1e9)
zones = st.sampled_from([UTC, timezone(timedelta(hours=-9, minutes=-30)), timezone(timedelta(hours=14))])
times = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=zones)  # noqa: DTZ001 - bounds are naive
digests = st.integers(0, 2**256 - 1).map(lambda number: f"{number:064x}")
common = {
    "id": st.text(plain, min_size=1, max_size=128).filter(str.strip),
    "source": st.text(plain, min_size=1, max_size=30).filter(str.strip),
    "time": times,
    "traceparent": st.none() | st.integers(1, 2**192 - 1).map(lambda n: f"00-{n >> 64:032x}-{n & (2**64 - 1):016x}-01"),
    "part": st.sampled_from(["P-1", "a:b/c.d_e", "0" * 128]) | st.text("ABz09", min_size=1, max_size=20),
    "plant": slugs,
    "line": slugs,
    "station": slugs,
    "layout": slugs,
    "camera": st.sampled_from(["stationary", "mobile"]),
    "captured": times,
}
inline = st.fixed_dictionaries({"pixels": st.binary(min_size=1, max_size=200), "mediatype": st.just("image/png")})
by_reference = st.fixed_dictionaries({
    "dataref": texts, "datasha256": digests, "datasize": st.integers(1, 2**40), "mediatype": st.just("image/jpeg"),
})  # fmt: skip
pictures = inline | by_reference
checks = st.builds(
    Check, name=st.just("damage"), result=st.sampled_from(["pass", "fail", "skipped"]),
    score=st.none() | floats, threshold=st.none() | floats, detail=st.none() | st.text(max_size=30),
)  # fmt: skip
timings = st.builds(
    Timings,
    crop=st.none() | positive,
    batch=st.none() | st.integers(1, 64),
    capture_to_verdict=floats,
    clock_skew=st.none() | floats,
    model=st.none() | positive,
)
fallbacks = st.builds(Fallback, assigned=texts, arm=st.sampled_from(["champion", "canary"]), reason=texts)
stamps = st.builds(
    ModelStamp, version=texts, digest=digests, kind=texts, arm=st.sampled_from(["champion", "canary", "shadow"]),
    assignment=texts, revision=st.integers(0, 2**31), stale=st.booleans(),
    fallback=st.none() | fallbacks, embedding=st.none() | positive,
)  # fmt: skip


@st.composite
def _verdicts(draw: st.DrawFn, verdict: type[Verdict]) -> Verdict:
    check = draw(checks)
    own: dict[str, Any] = {"image": draw(texts), "timings": draw(timings), "model": draw(st.none() | stamps)}
    fields = draw(st.fixed_dictionaries(common))
    return verdict(**fields, **own, checks=(check,), decision=decide((check,)), trace="ab" * 16)


@st.composite
def _crops(draw: st.DrawFn) -> PartCrop:
    check = draw(checks)
    picture = {} if check.result == "fail" else draw(pictures)
    corners = draw(st.none() | st.tuples(*[st.tuples(floats, floats)] * 4))
    return PartCrop(
        **draw(st.fixed_dictionaries(common)), **picture, image=draw(texts), presence=check, corners=corners,
        rotated=draw(st.none() | st.booleans()), policy=draw(texts), timings=draw(timings),
    )  # fmt: skip


@st.composite
def _images(draw: st.DrawFn) -> PartImage:
    return PartImage(**draw(st.fixed_dictionaries(common)), **draw(pictures))


@st.composite
def _maps(draw: st.DrawFn) -> PartAnomalyMap:
    low, high = sorted([draw(floats), draw(floats)])
    own = {"image": draw(texts), "version": draw(texts), "low": low, "high": high}
    return PartAnomalyMap(**draw(st.fixed_dictionaries(common)), **draw(pictures), **own)  # type: ignore[arg-type] # drawn fields


bare = {name: common[name] for name in ("id", "source", "time", "traceparent")}
places = st.builds("{}/{}/{}".format, st.just("linegate.images.dlq"), st.integers(0, 99), st.integers(0, 2**40))
settled = st.builds(
    DeadLetterSettled, **bare, letter=places, origin=places, action=st.sampled_from(["replayed", "dropped"]), by=texts,
    note=st.none() | st.text(max_size=30), replayed_to=st.none() | places, attempt=st.integers(1, 9),
)  # fmt: skip
stops = st.builds(
    DeadLetterStop, **bare, topic=st.just("linegate.images.dlq"), stopped=st.booleans(), by=texts,
    note=st.none() | st.text(max_size=30),
)  # fmt: skip


@st.composite
def _faults(draw: st.DrawFn) -> Fault:
    state = draw(st.sampled_from(["raised", "cleared"]))
    fields = {name: draw(common[name]) for name in ("id", "source", "time", "traceparent")}
    where = {name: draw(st.none() | common[name]) for name in ("plant", "line", "station", "layout", "camera")}
    return Fault(
        **fields, **where, key=draw(texts), kind=draw(st.sampled_from(["store_away", "clock_skew"])), state=state,
        severity=draw(st.sampled_from(["warning", "error", "critical"])), worker="score", instance=draw(texts),
        subject=draw(st.text(max_size=30)), version=draw(st.none() | texts), digest=draw(st.none() | digests),
        detail=draw(texts), hint=draw(st.none() | texts), since=draw(times),
        expires=draw(times) if state == "raised" else None,
    )  # fmt: skip


jobs = bare | {"job": common["id"]}
names = st.text("abz019", min_size=1, max_size=20)
metrics = st.dictionaries(st.sampled_from(["auroc", "f1"]), st.floats(0, 1))
specs = st.builds(
    TrainingSpec, kind=st.sampled_from(["padim", "patchcore"]), height=st.integers(32, 2048),
    crop_height=st.none() | st.integers(16, 4096),
    options=st.dictionaries(names, floats | st.booleans() | texts, max_size=3),
    rule=st.none() | st.just("precision=0.95"), layouts=st.lists(slugs, max_size=2).map(tuple),
)  # fmt: skip
requests = st.builds(
    TrainingRequest, **jobs, place=texts, data=texts, version=st.none() | names, spec=specs, priority=st.integers(0, 9),
    author=texts, note=st.text(max_size=30),
)  # fmt: skip
cancellations = st.builds(TrainingCancelled, **jobs, by=texts)
progress = st.builds(
    TrainingProgress, **jobs, state=st.sampled_from(["queued", "running"]), stage=st.none() | texts,
    done=st.integers(0, 2**31), total=st.none() | st.integers(0, 2**31), worker=st.none() | texts,
)  # fmt: skip
changes = st.builds(
    RolloutChanged, **bare, key=texts, revision=st.integers(1, 2**31), action=st.sampled_from(["promote", "rollback"]),
    by=texts, automatic=st.booleans(), champion=st.none() | names, canary=st.none() | names,
    percent=st.none() | st.floats(0, 100), paused=st.booleans(),
)  # fmt: skip
breaches = st.builds(
    RolloutBreach, **bare, key=texts, version=names, champion=names, arm=st.sampled_from(["canary", "shadow"]),
    measure=st.sampled_from(["psi", "reject_rise"]), value=floats, limit=floats, trial_parts=st.integers(0, 99),
    champion_parts=st.integers(0, 99), action=st.sampled_from(["rollback", "pause", "alert"]), detail=texts,
)  # fmt: skip

shares = st.floats(0, 1)
evidence = st.builds(
    Evidence, image=common["id"], part=common["part"], plant=slugs, captured=times, score=st.none() | floats,
    threshold=st.none() | floats, peak=st.none() | st.tuples(shares, shares),
)  # fmt: skip
alerts = st.builds(
    AlertChanged, **bare, alert=common["id"], key=texts, subscription=slugs,
    step=st.sampled_from(["fired", "repeated", "muted"]), state=st.sampled_from(["firing", "acknowledged"]),
    muted=st.none() | st.just("silence"), severity=st.sampled_from(["warning", "critical"]),
    condition=st.sampled_from(["each_fail", "fault"]), plant=st.none() | slugs, line=st.none() | slugs,
    part=st.none() | common["part"], summary=texts, count=st.integers(1, 2**31), since=times, by=texts,
    evidence=st.lists(evidence, max_size=3).map(tuple),
)  # fmt: skip


@st.composite
def _results(draw: st.DrawFn) -> TrainingResult:
    state = draw(st.sampled_from(["done", "failed", "cancelled"]))
    done = state == "done"
    return TrainingResult(
        **draw(st.fixed_dictionaries(jobs)), state=state, place=draw(texts), metrics=draw(metrics),
        version=draw(names) if done else None, digest=draw(digests) if done else None,
        threshold=draw(st.none() | floats),
        reason=draw(texts) if state == "failed" else None, seconds=draw(st.none() | positive),
    )  # fmt: skip


@st.composite
def _findings(draw: st.DrawFn, event: type[Feedback] | type[LabelledPart]) -> Event:
    finding = draw(st.sampled_from(sorted(DECIDED)))
    score, threshold = sorted([draw(floats), draw(floats)])
    if DECIDED[finding] == "fail":
        score, threshold = threshold, score
    model = JudgedModel(
        version=draw(names), digest=draw(digests), arm=draw(st.sampled_from(["champion", "canary"])),
        score=score, threshold=threshold, assignment=draw(texts),
    )  # fmt: skip
    has_model = draw(st.booleans()) and (DECIDED[finding] == "fail" or score < threshold)
    judged = Judged(decision=DECIDED[finding], model=model if has_model else None)
    fields = draw(st.fixed_dictionaries(common)) | {"image": draw(common["id"]), "finding": finding, "by": draw(texts)}
    if event is LabelledPart:
        return LabelledPart(**fields, feedback=draw(common["id"]), label=label_of(finding), judged=judged)
    return Feedback(**fields, judged=draw(st.none() | st.just(judged)))


BY_TYPE: dict[type[Event], st.SearchStrategy[Event]] = {
    PartImage: _images(),
    PartCrop: _crops(),
    Verdict: _verdicts(Verdict),
    ShadowVerdict: _verdicts(ShadowVerdict),
    PartAnomalyMap: _maps(),
    DeadLetterSettled: settled,
    DeadLetterStop: stops,
    Fault: _faults(),
    RolloutChanged: changes,
    RolloutBreach: breaches,
    TrainingRequest: requests,
    TrainingCancelled: cancellations,
    TrainingProgress: progress,
    TrainingResult: _results(),
    Feedback: _findings(Feedback),
    LabelledPart: _findings(LabelledPart),
    AlertChanged: alerts,
}
events = st.sampled_from(EVENT_TYPES).flatmap(lambda event_type: BY_TYPE[event_type])
"""Any event. A type that joins the contract without a strategy here fails the tests: `KeyError`."""
