"""The board's Lua: each step of a job's life is one atomic step inside Redis.

Every key has the registry's hash tag, and every key but the counter is a sorted set: the trainer's user then needs no
command that could take anything away from the registry, whose tables are hashes. Times are Redis' own, in milliseconds,
so that no two workers' clocks matter.

- `queue`: job by its place in the order (the least goes first).
- `leases`: job by the time at which its worker counts as gone.
- `requests`: `job NUL request`, JSON.
- `facts`: `job NUL` JSON: `order`, `print` (of the request), `place`, `attempts`, `token`, `worker`, `cancelled` (by
  whom), `reason` (why the last attempt ended).
- `done`: `job NUL` JSON: `state`, `print`, `place`, `attempts`, `by` (the event that cancelled it).
- `age`: finished job by when it was: the oldest are forgotten.
- `token`: counter. Each claim takes the next one; only the holder of a job's latest token may say what became of it.
- `whole`: holds `topics` once the board was filled from them. A Redis that lost everything lacks it.
"""

from typing import Final

_TAG: Final = "{linegate}:jobs:"
NAMES: Final = ("queue", "leases", "requests", "facts", "done", "age", "token", "whole")
KEYS: Final = tuple(_TAG + name for name in NAMES)
WHOLE: Final = KEYS[NAMES.index("whole")]
FILLED: Final = "topics"
KEPT: Final = 10_000
"""Finished jobs that are remembered, so that a request that comes twice is known."""

_HEAD: Final = (
    f"local {', '.join(NAMES)} = {', '.join(f'KEYS[{n}]' for n in range(1, len(NAMES) + 1))}"
    r"""
local job = ARGV[1]
local function now() local t = redis.call('TIME') return t[1] * 1000 + math.floor(t[2] / 1000) end
-- A job's name has no control characters: all that begins with it and a NUL is its own.
local function get(set, j)
  local held = redis.call('ZRANGE', set, '[' .. j .. '\0', '(' .. j .. '\1', 'BYLEX')[1]
  return held and string.sub(held, #j + 2)
end
local function drop(set, j)
  local held = get(set, j)
  if held then redis.call('ZREM', set, j .. '\0' .. held) end
end
local function put(set, j, text) drop(set, j) redis.call('ZADD', set, 0, j .. '\0' .. text) end
local function facts_of(j) local held = get(facts, j) return held and cjson.decode(held) end
local function keep(j, f) put(facts, j, cjson.encode(f)) end
local function finish(j, f, state, by)
  redis.call('ZREM', queue, j) redis.call('ZREM', leases, j)
  drop(requests, j) drop(facts, j)
  put(done, j, cjson.encode({state = state, print = f.print, place = f.place, attempts = f.attempts, by = by}))
  redis.call('ZADD', age, now(), j)
"""
    f"""
  for _, old in ipairs(redis.call('ZRANGE', age, 0, -{KEPT + 1})) do redis.call('ZREM', age, old) drop(done, old) end
end
-- Whoever was given the job since has a later token; whoever lost it to nobody yet is not in `leases`.
local function holds(f) return f and f.token == tonumber(ARGV[2]) and redis.call('ZSCORE', leases, job) end
local function is_whole() return redis.call('ZSCORE', whole, '{FILLED}') end
"""
)

ADD: Final = (
    _HEAD
    + """
-- ARGV: job, request, order, print, place, who cancelled it or ''.
local over = get(done, job)
if over then return {'done', over} end
local f = facts_of(job)
if f then
  if ARGV[6] ~= '' then f.cancelled = ARGV[6] keep(job, f) end
  return {redis.call('ZSCORE', leases, job) and 'running' or 'queued', cjson.encode(f)}
end
f = {order = ARGV[3], print = ARGV[4], place = ARGV[5], attempts = 0, token = 0, worker = '', cancelled = ARGV[6],
     reason = ''}
put(requests, job, ARGV[2])
keep(job, f)
redis.call('ZADD', queue, ARGV[3], job)
return {'queued', cjson.encode(f)}
"""
)

REMEMBER: Final = (
    _HEAD
    + """
-- A job that has its result, told by the topics.  ARGV: job, state, print, place, attempts.
-- Where the board has it still, the next to claim it finds the result.
if not get(facts, job) and not get(done, job) then
  finish(job, {print = ARGV[3], place = ARGV[4], attempts = tonumber(ARGV[5])}, ARGV[2], '')
end
return {'done', ''}
"""
)

CANCEL: Final = (
    _HEAD
    + """
-- ARGV: job, by whom, id of the event.
local over = get(done, job)
if over then return {'done', over} end
local f = facts_of(job)
if not f then return {is_whole() and 'unknown' or 'lost', ''} end
if redis.call('ZSCORE', leases, job) then
  f.cancelled = ARGV[2] keep(job, f)
  return {'running', cjson.encode(f)}
end
finish(job, f, 'cancelled', ARGV[3])
return {'done', get(done, job)}
"""
)

CLAIM: Final = (
    _HEAD
    + """
-- ARGV: worker, lease in ms.
if not is_whole() then return {'lost', '', '', ''} end
local t = now()
for _, gone in ipairs(redis.call('ZRANGE', leases, '-inf', t, 'BYSCORE')) do
  local g = facts_of(gone)
  g.reason = 'its worker ' .. g.worker .. ' is gone'
  keep(gone, g)
  redis.call('ZREM', leases, gone)
  redis.call('ZADD', queue, g.order, gone)
end
local first = redis.call('ZRANGE', queue, 0, 0)[1]
if not first then return {'none', '', '', ''} end
local f = facts_of(first)
f.worker = ARGV[1]
f.attempts = f.attempts + 1
f.token = redis.call('INCR', token)
keep(first, f)
redis.call('ZREM', queue, first)
redis.call('ZADD', leases, t + ARGV[2], first)
return {'claimed', first, get(requests, first), cjson.encode(f)}
"""
)

BEAT: Final = (
    _HEAD
    + """
-- ARGV: job, token, lease in ms.
local f = facts_of(job)
if not holds(f) then return {'lost', ''} end
redis.call('ZADD', leases, now() + ARGV[3], job)
return {'held', f.cancelled}
"""
)

PUT_BACK: Final = (
    _HEAD
    + """
-- ARGV: job, token, whether the attempt counts (1 or 0), reason.
local f = facts_of(job)
if not holds(f) then return {'lost', ''} end
f.attempts = f.attempts - 1 + ARGV[3]
f.reason = ARGV[4]
f.worker = ''
keep(job, f)
redis.call('ZREM', leases, job)
redis.call('ZADD', queue, f.order, job)
return {'done', ''}
"""
)

FINISH: Final = (
    _HEAD
    + """
-- ARGV: job, token, state.
local f = facts_of(job)
if not holds(f) then return {'lost', ''} end
finish(job, f, ARGV[3], '')
return {'done', ''}
"""
)
