import { createScript } from "../../clients/redis/script.ts";

/**
 * What every script begins with. KEYS: deadlines (zset sid → ms), sessions (hash sid → id), counts (hash id → sessions),
 * infos (hash id → info), index (zset stream → earliest deadline). ARGV: stream, channel, time to live in ms, then the
 * script's own. All time is the server's. A leave is published in the step that makes it, if the user may; without a channel it is
 * answered, for the caller to publish. Every script answers {result, ids that have left}.
 */
const PRELUDE = `
local deadlines, sessions, counts, infos, index = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local stream, channel, ttl = ARGV[1], ARGV[2], tonumber(ARGV[3])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local left = {}

local function prolong(sid)
  redis.call('ZADD', deadlines, string.format('%.0f', now + ttl), sid)
end

local function announceLeave(id)
  if channel == '' then
    left[#left + 1] = id
    return
  end
  local event = '{"id":' .. cjson.encode(id) .. ',"type":"leave"}'
  redis.pcall('PUBLISH', channel, '{"stream":' .. cjson.encode(stream) .. ',"data":' .. cjson.encode(event)
    .. ',"meta":{"broadcast_type":"presence","transient":true}}')
end

-- 0: it was not there, 1: its id has other sessions, 2: its id has left
local function remove(sid)
  redis.call('ZREM', deadlines, sid)
  local id = redis.call('HGET', sessions, sid)
  if not id then return 0 end
  redis.call('HDEL', sessions, sid)
  if redis.call('HINCRBY', counts, id, -1) > 0 then return 1 end
  redis.call('HDEL', counts, id)
  redis.call('HDEL', infos, id)
  announceLeave(id)
  return 2
end

local function removeExpired()
  local limit = string.format('(%.0f', now)
  local due = redis.call('ZRANGEBYSCORE', deadlines, '-inf', limit, 'LIMIT', 0, 100)
  for _, sid in ipairs(due) do remove(sid) end
  return #due
end

local function reindex()
  local first = redis.call('ZRANGE', deadlines, 0, 0, 'WITHSCORES')
  if #first == 0 then
    redis.call('DEL', sessions, counts, infos)
    redis.call('ZREM', index, stream)
    return
  end
  redis.call('ZADD', index, first[2], stream)
  for k = 1, 4 do redis.call('PEXPIRE', KEYS[k], ttl * 10 + 60000) end
  -- Shared by many streams: the longest-lived of them decides.
  if redis.call('PTTL', index) < ttl * 10 + 60000 then redis.call('PEXPIRE', index, ttl * 10 + 60000) end
end
`;

function script(body: string) {
  return createScript(`${PRELUDE}${body}`);
}

/** Own ARGV: sid, id, info, payload of the join. Result: 1 arrived, 0 known, -1 the session is there under another id. */
export const JOIN_SCRIPT = script(`
local sid, id, info, payload = ARGV[4], ARGV[5], ARGV[6], ARGV[7]
if redis.call('HEXISTS', sessions, sid) == 1 then prolong(sid) end
removeExpired()
local current = redis.call('HGET', sessions, sid)
if current and current ~= id then
  reindex()
  return {-1, left}
end
local isFirst = 0
if not current then
  redis.call('HSET', sessions, sid, id)
  if redis.call('HINCRBY', counts, id, 1) == 1 then isFirst = 1 end
end
redis.call('HSET', infos, id, info)
prolong(sid)
reindex()
if isFirst == 1 and channel ~= '' then redis.pcall('PUBLISH', channel, payload) end
return {isFirst, left}
`);

/** Own ARGV: sid. Result: as of the function remove. */
export const LEAVE_SCRIPT = script(`
removeExpired()
local result = remove(ARGV[4])
reindex()
return {result, left}
`);

/** Own ARGV: sids. Result: those that are not there. */
export const TOUCH_SCRIPT = script(`
local missing = {}
for k = 4, #ARGV do
  if redis.call('HEXISTS', sessions, ARGV[k]) == 1 then prolong(ARGV[k]) else missing[#missing + 1] = ARGV[k] end
end
removeExpired()
reindex()
return {missing, left}
`);

/** Result: 1 when there may be more to remove. */
export const SWEEP_SCRIPT = script(`
local count = removeExpired()
reindex()
if count == 100 then return {1, left} end
return {0, left}
`);

/** Own ARGV: 1 for records. Result: number of ids, then id and info of each. */
export const INFO_SCRIPT = script(`
removeExpired()
reindex()
local total = redis.call('HLEN', counts)
if ARGV[4] == '1' then return {total, left, redis.call('HGETALL', infos)} end
return {total, left}
`);

/** All of them, for the link that has to know them. */
export const PRESENCE_SCRIPTS = [
  JOIN_SCRIPT,
  LEAVE_SCRIPT,
  TOUCH_SCRIPT,
  SWEEP_SCRIPT,
  INFO_SCRIPT,
] as const;
