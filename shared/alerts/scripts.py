"""The Lua of alerts: each step is checked, made, logged and put into the outboxes in one atomic step inside Redis.

Every key shares the registry's hash tag, so that a Redis cluster keeps them together. An entry's value is
`<revision> <json>`; its revision is the value of one global counter at its last change.
"""

from typing import Final

PREFIX: Final = "{linegate}:alerts:"
REVISION: Final = PREFIX + "revision"
SUBSCRIPTIONS: Final = PREFIX + "subscriptions"
SILENCES: Final = PREFIX + "silences"
SECRETS: Final = PREFIX + "secrets"
"""Hash, `subscription/channel` -> webhook secret."""
AUDIT: Final = PREFIX + "audit"
"""Stream of changes of subscriptions and silences."""
HELD: Final = PREFIX + "held"
"""Hash of all alerts, `id` -> entry."""
OPEN: Final = PREFIX + "open"
"""Hash of open alerts, `key` -> id."""
CLOSED: Final = PREFIX + "closed"
"""Sorted set of resolved alerts by time (milliseconds)."""
LOG: Final = PREFIX + "log"
"""Stream of every step, field `change`: the event."""
COUNTED: Final = PREFIX + "counted"
"""Sorted set of `key|trigger` by time (milliseconds): what was counted counts once."""
MESSAGES: Final = PREFIX + "messages"
"""Hash of messages in outboxes, `id` -> json."""
LANES: Final = PREFIX + "lanes"
"""Sorted set of outboxes with messages, `subscription/channel` -> when to try next (milliseconds)."""
LANE: Final = PREFIX + "lane:"
"""Prefix of each outbox: a list of message ids, the oldest first."""
LOG_LENGTH: Final = 100_000
COUNTED_MS: Final = 2 * 86_400_000

CONFIGURE: Final = """
-- KEYS: revision, table, audit.
-- ARGV: table name, id, expected revision or '', new json or '' to remove, author, time.
local held = redis.call('HGET', KEYS[2], ARGV[2])
local found, before = '', ''
if held then found, before = string.match(held, '^(%d+) (.*)$') end
if found ~= ARGV[3] then return {'conflict', found} end
if not held and ARGV[4] == '' then return {'done', '0'} end
local revision = redis.call('INCR', KEYS[1])
if ARGV[4] == '' then
  redis.call('HDEL', KEYS[2], ARGV[2])
else
  redis.call('HSET', KEYS[2], ARGV[2], revision .. ' ' .. ARGV[4])
end
redis.call('XADD', KEYS[3], '*', 'table', ARGV[1], 'key', ARGV[2], 'revision', revision,
           'author', ARGV[5], 'time', ARGV[6], 'before', before, 'after', ARGV[4])
return {'done', tostring(revision)}
"""

STEP: Final = """
-- KEYS: revision, held, open, closed, log, counted, messages, lanes, then the outbox of each message.
-- ARGV: alert id, expected revision or '', new json, dedupe key, 'open' or 'closed', now in ms,
--       what is counted or '', event json or '', log length, ms that counted things are remembered;
--       for each message: lane, id, json.
local counted = ARGV[4] .. '|' .. ARGV[7]
if ARGV[7] ~= '' and redis.call('ZSCORE', KEYS[6], counted) then return {'counted', ''} end
local found = ''
local held = redis.call('HGET', KEYS[2], ARGV[1])
if held then found = string.match(held, '^(%d+) ') end
if found ~= ARGV[2] then return {'conflict', found} end
if ARGV[2] == '' and redis.call('HEXISTS', KEYS[3], ARGV[4]) == 1 then return {'conflict', 'open'} end
if ARGV[7] ~= '' then
  redis.call('ZREMRANGEBYSCORE', KEYS[6], '-inf', tonumber(ARGV[6]) - tonumber(ARGV[10]))
  redis.call('ZADD', KEYS[6], ARGV[6], counted)
end
local revision = redis.call('INCR', KEYS[1])
redis.call('HSET', KEYS[2], ARGV[1], revision .. ' ' .. ARGV[3])
if ARGV[5] == 'open' then
  redis.call('HSET', KEYS[3], ARGV[4], ARGV[1])
else
  redis.call('HDEL', KEYS[3], ARGV[4])
  redis.call('ZADD', KEYS[4], ARGV[6], ARGV[1])
end
if ARGV[8] ~= '' then redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[9], '*', 'change', ARGV[8]) end
local at = 11
for key = 9, #KEYS do
  if redis.call('HSETNX', KEYS[7], ARGV[at + 1], ARGV[at + 2]) == 1 then
    redis.call('RPUSH', KEYS[key], ARGV[at + 1])
    redis.call('ZADD', KEYS[8], 'NX', ARGV[6], ARGV[at])
  end
  at = at + 3
end
return {'done', tostring(revision)}
"""

PUT_MESSAGE: Final = """
-- KEYS: messages, lanes, outbox.  ARGV: lane, id, json, now in ms.
if redis.call('HSETNX', KEYS[1], ARGV[2], ARGV[3]) == 0 then return 0 end
redis.call('RPUSH', KEYS[3], ARGV[2])
redis.call('ZADD', KEYS[2], 'NX', ARGV[4], ARGV[1])
return 1
"""
