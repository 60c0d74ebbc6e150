"""The alert worker's own keys at Redis, and the Lua of series: an observation is added and counted once, in a step."""

from typing import Final

from shared.alerts.scripts import PREFIX

SERIES: Final = PREFIX + "series:"
"""Prefix of a sorted set: observations by event time (milliseconds)."""
FINE: Final = PREFIX + "fine:"
"""Prefix of a hash: parts of each stretch, and as `<number>f` those that failed."""
COARSE: Final = PREFIX + "coarse:"
"""Prefix of the same over longer stretches, for the past."""
DECIDED: Final = PREFIX + "decided"
"""Hash, series -> until before when (milliseconds) it was decided on."""
DUE: Final = PREFIX + "due"
"""Sorted set: series by their oldest observation that was not decided on."""
PLACES: Final = PREFIX + "places"
"""Hash, place -> `<time of the last photo> <time of the last verdict>` (milliseconds)."""
SETTLED: Final = PREFIX + "settled"
"""Before when (milliseconds) no part comes any more."""
WATCHED: Final = PREFIX + "watched"
"""Hash, `subscription:digest` -> since when somebody looks whether something is missing (milliseconds)."""
FAULTS: Final = PREFIX + "faults"
"""Hash, fault key -> the fault that is there."""
LETTERS: Final = PREFIX + "letters"
"""Until before when (milliseconds) all dead letters were seen."""
TELLER: Final = PREFIX + "teller"
"""Which worker tells the steps of alerts on Kafka."""

ADD: Final = """
-- KEYS: series, fine, coarse, due, settled.
-- ARGV: member, time in ms, 0 or 1 (failed), horizon in ms, ms that the series lives without news,
--       fine width in ms or '', coarse width in ms, ms that the counts live, series' name if it is due or '',
--       how many ms the newest may be ahead of what is kept, beside the horizon.
local at = tonumber(ARGV[2])
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 'known' end
local newest = at
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if last[2] and tonumber(last[2]) > newest then newest = tonumber(last[2]) end
local oldest = newest - tonumber(ARGV[10])
local settled = ARGV[10] ~= '0' and redis.call('GET', KEYS[5])
if settled and tonumber(settled) > oldest then oldest = tonumber(settled) end
oldest = oldest - tonumber(ARGV[4])
if at < oldest then return 'late' end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', oldest))
redis.call('PEXPIRE', KEYS[1], ARGV[5])
if ARGV[6] ~= '' then
  for i, width in ipairs({ARGV[6], ARGV[7]}) do
    local stretch = string.format('%.0f', math.floor(at / tonumber(width)))
    redis.call('HINCRBY', KEYS[1 + i], stretch, 1)
    if ARGV[3] == '1' then redis.call('HINCRBY', KEYS[1 + i], stretch .. 'f', 1) end
    redis.call('PEXPIRE', KEYS[1 + i], ARGV[8])
  end
end
if ARGV[9] ~= '' then redis.call('ZADD', KEYS[4], 'LT', ARGV[2], ARGV[9]) end
return 'new'
"""

SETTLE: Final = """
-- KEYS: settled.  ARGV: ms.
local held = redis.call('GET', KEYS[1])
if not held or tonumber(held) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1]) end
return 1
"""

DECIDE: Final = """
-- KEYS: series, decided, due.  ARGV: series' name, until in ms, observations before it to keep or ''.
local held = redis.call('HGET', KEYS[2], ARGV[1])
if not held or tonumber(held) < tonumber(ARGV[2]) then redis.call('HSET', KEYS[2], ARGV[1], ARGV[2]) end
if ARGV[3] ~= '' then
  local before = redis.call('ZCOUNT', KEYS[1], '-inf', '(' .. ARGV[2])
  local spare = before - tonumber(ARGV[3])
  if spare > 0 then redis.call('ZREMRANGEBYRANK', KEYS[1], 0, spare - 1) end
end
local open = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[2], '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
if open[2] then redis.call('ZADD', KEYS[3], open[2], ARGV[1]) else redis.call('ZREM', KEYS[3], ARGV[1]) end
return 1
"""

SAW: Final = """
-- KEYS: places.  ARGV: for each place: its name, ms of a photo, ms of a verdict or 0.
for i = 1, #ARGV, 3 do
  local held = redis.call('HGET', KEYS[1], ARGV[i])
  local photo, verdict = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  if held then
    local p, v = string.match(held, '^(%d+) (%d+)$')
    photo, verdict = math.max(photo, tonumber(p)), math.max(verdict, tonumber(v))
  end
  redis.call('HSET', KEYS[1], ARGV[i], string.format('%.0f %.0f', photo, verdict))
end
return 1
"""
