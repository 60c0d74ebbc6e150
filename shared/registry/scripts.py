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
