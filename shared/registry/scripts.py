"""The registry's Lua: each change is checked, made and audited in one atomic step inside Redis.

Every key shares the hash tag `{linegate}`, so that a Redis cluster keeps them together. A table is a hash; an entry's
value is `<revision> <json>`, and its revision is the value of one global counter at the entry's last change.
"""

from typing import Final

REVISION: Final = "{linegate}:revision"
VERSIONS: Final = "{linegate}:versions"
AUDIT: Final = "{linegate}:audit"
TABLES: Final = {"assignments": "{linegate}:assignments", "stations": "{linegate}:stations"}

REGISTER: Final = """
-- KEYS: revision, versions, audit.  ARGV: version, json, author, time, note.
local held = redis.call('HGET', KEYS[2], ARGV[1])
if held then return {'held', held} end
local revision = redis.call('INCR', KEYS[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('XADD', KEYS[3], '*', 'table', 'versions', 'key', ARGV[1], 'revision', revision,
           'author', ARGV[3], 'time', ARGV[4], 'before', '', 'after', ARGV[2],
           'action', 'register', 'note', ARGV[5])
return {'done', tostring(revision)}
"""

CHANGE: Final = """
-- KEYS: revision, table, audit, versions.
-- ARGV: table name, key, expected revision or '', new json or '' to remove, author, time, action, note,
--       versions it names...
local held = redis.call('HGET', KEYS[2], ARGV[2])
local found, before = '', ''
if held then found, before = string.match(held, '^(%d+) (.*)$') end
if found ~= ARGV[3] then return {'conflict', found} end
for i = 9, #ARGV do
  if redis.call('HEXISTS', KEYS[4], ARGV[i]) == 0 then return {'unknown', ARGV[i]} end
end
if not held and ARGV[4] == '' then return {'done', '0'} end
local revision = redis.call('INCR', KEYS[1])
if ARGV[4] == '' then
  redis.call('HDEL', KEYS[2], ARGV[2])
else
  redis.call('HSET', KEYS[2], ARGV[2], revision .. ' ' .. ARGV[4])
end
redis.call('XADD', KEYS[3], '*', 'table', ARGV[1], 'key', ARGV[2], 'revision', revision,
           'author', ARGV[5], 'time', ARGV[6], 'before', before, 'after', ARGV[4],
           'action', ARGV[7], 'note', ARGV[8])
return {'done', tostring(revision)}
"""

_ALL: Final = (REVISION, VERSIONS, *TABLES.values(), AUDIT)
REPLACED: Final = (*_ALL, *(f"{key}:new" for key in _ALL))
"""The keys of `REPLACE`: all there is, and where the new ones are made."""

REPLACE: Final = """
-- KEYS: revision, versions, assignments, stations, audit; then the same where the new ones are made.
-- ARGV: revision and last audit entry that must be there, new revision, author, time, note;
--       for each of the three tables the number of its entries and each one's key and value;
--       each audit entry as a JSON list: id, field, value, field, value...
-- Redis undoes nothing when a script fails (a right that is missing, say): so all of it is made beside what is there,
-- and nothing is touched until only renaming is left.
local found = redis.call('GET', KEYS[1]) or '0'
local last = redis.call('XREVRANGE', KEYS[5], '+', '-', 'COUNT', 1)
local position = last[1] and last[1][1] or '0-0'
if found ~= ARGV[1] or position ~= ARGV[2] then return {'conflict', found} end
for key = 6, 10 do redis.call('DEL', KEYS[key]) end
redis.call('SET', KEYS[6], ARGV[3])
local at = 7
for key = 7, 9 do
  local count = tonumber(ARGV[at])
  for i = 1, count do redis.call('HSET', KEYS[key], ARGV[at + 2 * i - 1], ARGV[at + 2 * i]) end
  at = at + 1 + 2 * count
end
for i = at, #ARGV do redis.call('XADD', KEYS[10], unpack(cjson.decode(ARGV[i]))) end
redis.call('XADD', KEYS[10], '*', 'table', 'registry', 'key', 'all', 'revision', ARGV[3],
           'author', ARGV[4], 'time', ARGV[5], 'before', '', 'after', '', 'action', 'import', 'note', ARGV[6])
redis.call('RENAME', KEYS[6], KEYS[1])
redis.call('RENAME', KEYS[10], KEYS[5])
at = 7
for key = 7, 9 do
  local count = tonumber(ARGV[at])
  -- A hash without entries is no key.
  if count > 0 then redis.call('RENAME', KEYS[key], KEYS[key - 5]) else redis.call('DEL', KEYS[key - 5]) end
  at = at + 1 + 2 * count
end
return {'done', ARGV[3]}
"""
