import { createScript } from "../../clients/redis/script.ts";

/**
 * Stores one message and, where pub/sub goes through the same Redis, publishes it: live order is the order of offsets on
 * all nodes. The epoch is one of the stream, not of the server: it changes when the position was lost (flush, expiry,
 * eviction) or when the run tag differs, which says that a restart or failover may have lost messages. What earlier
 * epochs held is kept beside, up to 1000 messages, for nodes that missed their end. A repeated publication that is among
 * the newest 1000 of either is not stored again: its position is answered.
 * KEYS: meta (hash e, o, r), history (stream), earlier epochs (stream). ARGV: candidate epoch, run tag, data, limit, ttl in
 * seconds, channel ("" publishes nothing), payload without position and closing brace, id ("" has none), "1" when repeated.
 * Answers epoch and offset; third, why the message could not be published.
 * Source: spec "messaging", section 15.2. Commands: only what Redis 6.2 has.
 */
export const PUBLISH_SCRIPT = createScript(`
local meta, history, earlier = KEYS[1], KEYS[2], KEYS[3]
local limit, ttl = tonumber(ARGV[4]), tonumber(ARGV[5])
local known = redis.call('HMGET', meta, 'e', 'r')
local epoch = known[1]
local function newest(key)
  return redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1000)
end
if ARGV[9] == '1' and epoch then
  for _, entry in ipairs(newest(history)) do
    if entry[2][6] == ARGV[8] then return {epoch, string.match(entry[1], '%d+')} end
  end
  for _, entry in ipairs(newest(earlier)) do
    if entry[2][10] == ARGV[8] then return {entry[2][2], entry[2][4]} end
  end
end
if not epoch or known[2] ~= ARGV[2] then
  local kept = epoch and newest(history) or {}
  for i = #kept, 1, -1 do
    local offset = string.match(kept[i][1], '%d+')
    redis.call('XADD', earlier, 'MAXLEN', '=', 1000, '*', 'e', epoch, 'o', offset, unpack(kept[i][2]))
  end
  redis.call('EXPIRE', earlier, math.max(ttl, 1))
  redis.call('DEL', meta, history)
  epoch = ARGV[1]
  redis.call('HSET', meta, 'e', epoch, 'r', ARGV[2])
end
local offset = string.format('%.0f', redis.call('HINCRBY', meta, 'o', 1))
if limit > 0 and ttl > 0 then
  local now = redis.call('TIME')[1]
  local fields = {'d', ARGV[3], 't', now}
  if ARGV[8] ~= '' then fields[5], fields[6] = 'k', ARGV[8] end
  redis.call('XADD', history, 'MAXLEN', '=', limit, offset .. '-0', unpack(fields))
  redis.call('EXPIRE', history, ttl)
end
redis.call('EXPIRE', meta, math.max(ttl * 10, 60))
if ARGV[6] ~= '' then
  local position = ',"offset":' .. offset .. ',"epoch":' .. cjson.encode(epoch) .. '}'
  -- What is stored stays stored: a refusal must not look like a failure, which would be tried again.
  local answer = redis.pcall('PUBLISH', ARGV[6], ARGV[7] .. position)
  if type(answer) == 'table' and answer.err then return {epoch, offset, answer.err} end
end
return {epoch, offset}
`);
