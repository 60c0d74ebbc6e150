"""The Lua and the keys of outboxes beside `scripts.py`: claiming a lane, settling its head, putting failed ones back.

A lane's score in `LANES` is when to try it next. Claiming moves it forward by the lease, so the lane of a worker that
was killed comes back by itself; the token in `LEASES` keeps that worker, should it live after all, from settling it.
"""

from typing import Final

from shared.alerts.scripts import PREFIX

LEASES: Final = PREFIX + "leases"
"""Hash, lane -> token of who delivers its head now, or did when it was killed."""
ATTEMPTS: Final = PREFIX + "attempts"
"""Hash, message id -> `<attempts begun> <since when, in milliseconds, or nothing>`."""
PROGRESS: Final = PREFIX + "progress"
"""Hash, message id -> what its sender wants to know at the next attempt."""
DELIVERIES: Final = PREFIX + "deliveries:"
"""Prefix of each subscription's delivery log: a stream, field `delivery`."""
LOGGED: Final = PREFIX + "logged"
"""Set of the subscriptions that have a delivery log."""
DISABLED: Final = PREFIX + "disabled"
"""Hash, lane -> why its channel gets nothing any more."""
FAILED: Final = PREFIX + "failed"
"""Hash of messages that were given up, `id` -> json, until they are put back or room is needed."""
FAILED_TIMES: Final = PREFIX + "failed:times"
"""Sorted set of `lane|id` of those, by when they were given up (milliseconds)."""
DELIVERIES_KEPT: Final = 1000
"""Of each subscription, about."""
FAILED_KEPT: Final = 5000
"""Of all subscriptions."""

CLAIM: Final = """
-- KEYS: lanes, leases, outbox, messages, attempts, progress.
-- ARGV: lane, now in ms, lease in ms, token, '1' where a head that was tried before is not wanted.
-- Answers nothing, or: id, json, attempt, since, progress.
local due = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not due or tonumber(due) > tonumber(ARGV[2]) then return {} end
local id = redis.call('LINDEX', KEYS[3], 0)
local text = id and redis.call('HGET', KEYS[4], id)
while id and not text do
  redis.call('LPOP', KEYS[3])
  id = redis.call('LINDEX', KEYS[3], 0)
  text = id and redis.call('HGET', KEYS[4], id)
end
if not id then
  redis.call('ZREM', KEYS[1], ARGV[1])
  redis.call('HDEL', KEYS[2], ARGV[1])
  return {}
end
local count, since = '0', ''
local held = redis.call('HGET', KEYS[5], id)
if held then count, since = string.match(held, '^(%d+) (%d*)$') end
if ARGV[5] == '1' and count ~= '0' then return {} end
count = string.format('%d', tonumber(count) + 1)
redis.call('HSET', KEYS[5], id, count .. ' ' .. since)
redis.call('HSET', KEYS[2], ARGV[1], ARGV[4])
redis.call('ZADD', KEYS[1], tonumber(ARGV[2]) + tonumber(ARGV[3]), ARGV[1])
return {id, text, count, since, redis.call('HGET', KEYS[6], id) or ''}
"""

RENEW: Final = """
-- KEYS: lanes, leases.  ARGV: until when in ms, then lane and token of each.
local renewed = 0
for at = 2, #ARGV, 2 do
  if redis.call('HGET', KEYS[2], ARGV[at]) == ARGV[at + 1] then
    redis.call('ZADD', KEYS[1], ARGV[1], ARGV[at])
    renewed = renewed + 1
  end
end
return renewed
"""

SETTLE: Final = """
-- KEYS: lanes, leases, outbox, messages, attempts, progress, deliveries, logged, failed, times of failed.
-- ARGV: lane, token, id, now in ms, delivery json or none, length of the log, subscription,
--       how many failed ones to keep; 0 where this one is not to be kept.
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end
local text = redis.call('HGET', KEYS[4], ARGV[3])
redis.call('HDEL', KEYS[2], ARGV[1])
if redis.call('LINDEX', KEYS[3], 0) == ARGV[3] then redis.call('LPOP', KEYS[3]) end
redis.call('HDEL', KEYS[4], ARGV[3])
redis.call('HDEL', KEYS[5], ARGV[3])
redis.call('HDEL', KEYS[6], ARGV[3])
if redis.call('LINDEX', KEYS[3], 0) then
  redis.call('ZADD', KEYS[1], ARGV[4], ARGV[1])
else
  redis.call('ZREM', KEYS[1], ARGV[1])
end
if ARGV[5] ~= '' then
  redis.call('XADD', KEYS[7], 'MAXLEN', '~', ARGV[6], '*', 'delivery', ARGV[5])
  redis.call('SADD', KEYS[8], ARGV[7])
end
if ARGV[8] ~= '0' and text then
  redis.call('HSET', KEYS[9], ARGV[3], text)
  redis.call('ZADD', KEYS[10], ARGV[4], ARGV[1] .. '|' .. ARGV[3])
  for _, oldest in ipairs(redis.call('ZRANGE', KEYS[10], 0, -1 - tonumber(ARGV[8]))) do
    redis.call('ZREM', KEYS[10], oldest)
    redis.call('HDEL', KEYS[9], string.match(oldest, '|(.*)$'))
  end
end
return 1
"""

LATER: Final = """
-- KEYS: lanes, leases, attempts, progress, deliveries, logged.
-- ARGV: lane, token, id, when in ms, attempts, since in ms, progress, delivery json or none, length of the log,
--       subscription.
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('ZADD', KEYS[1], ARGV[4], ARGV[1])
redis.call('HSET', KEYS[3], ARGV[3], ARGV[5] .. ' ' .. ARGV[6])
if ARGV[7] ~= '' then redis.call('HSET', KEYS[4], ARGV[3], ARGV[7]) end
if ARGV[8] ~= '' then
  redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[9], '*', 'delivery', ARGV[8])
  redis.call('SADD', KEYS[6], ARGV[10])
end
return 1
"""

REDRIVE: Final = """
-- KEYS: lanes, leases, outbox, messages, attempts, failed, times of failed.  ARGV: lane, id, now in ms.
local text = redis.call('HGET', KEYS[6], ARGV[2])
if text then
  redis.call('HDEL', KEYS[6], ARGV[2])
  redis.call('ZREM', KEYS[7], ARGV[1] .. '|' .. ARGV[2])
  if redis.call('HSETNX', KEYS[4], ARGV[2], text) == 1 then
    redis.call('RPUSH', KEYS[3], ARGV[2])
    redis.call('HSET', KEYS[5], ARGV[2], '0 ' .. ARGV[3])
  end
elseif redis.call('HEXISTS', KEYS[4], ARGV[2]) == 0 then
  return 0
end
-- Its lane is tried now, unless that is being done.
if not redis.call('HGET', KEYS[2], ARGV[1]) then redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1]) end
return 1
"""

DROP: Final = """
-- KEYS: lanes, leases, outbox, messages, attempts, progress, disabled.  ARGV: lane.
local dropped = 0
local id = redis.call('LPOP', KEYS[3])
while id do
  redis.call('HDEL', KEYS[4], id)
  redis.call('HDEL', KEYS[5], id)
  redis.call('HDEL', KEYS[6], id)
  dropped = dropped + 1
  id = redis.call('LPOP', KEYS[3])
end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[7], ARGV[1])
return dropped
"""
