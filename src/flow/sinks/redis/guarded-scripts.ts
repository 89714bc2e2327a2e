import { createHash } from 'node:crypto'

/** A Lua script and the name that Redis knows it by. */
export interface LuaScript {
  readonly text: string
  readonly sha: string
}

const lua = (text: string): LuaScript => ({ text, sha: createHash('sha1').update(text).digest('hex') })

/**
 * What both scripts begin with. A fence holds the highest owner counter that wrote for a partition: a smaller one is
 * refused, a greater one replaces it. A marker says that a record is in the store.
 */
const GUARDS = `
local function fenced(key, owner, ttl)
  local seen = redis.call('GET', key)
  if seen and tonumber(seen) > tonumber(owner) then return seen end
  if seen ~= owner then redis.call('SET', key, owner, 'PX', ttl) end
  return false
end
local function mark(key, ttl)
  local set = redis.pcall('SET', key, '1', 'PX', ttl, 'NX')
  if type(set) == 'table' and set.err then return 'E' .. set.err end
  return set and 1 or 2
end
`

/**
 * Writes many records, each with a verdict. KEYS: the fences, then for each record its marker and its key, where it has them.
 * ARGV: time to live of guards; how many fences, and the owner of each; then for each record its head, and the words of its
 * commands without their keys. A head is the record's fence (0: none), whether it has a marker and a key (0, 1), and the
 * number of words of each command; most records of a call have the same one, which is read once.
 * Answers how many records there were where all are done; otherwise a list with 1 (done), 2 (was done before), `F<owner>`
 * (refused: another owner) or `E<error>` for each.
 */
export const WRITE_SCRIPT: LuaScript = lua(`${GUARDS}
local ttl, fences, at, key = ARGV[1], tonumber(ARGV[2]), 3, 0
local stale = {}
while key < fences do
  key = key + 1
  stale[key] = fenced(KEYS[key], ARGV[at], ttl)
  at = at + 1
end
local heads = {}
local function read(text)
  local head = {}
  for number in string.gmatch(text, '%d+') do head[#head + 1] = tonumber(number) end
  heads[text] = head
  return head
end
local answers, count, done = {}, 0, 0
local last = #ARGV
while at <= last do
  local head = heads[ARGV[at]] or read(ARGV[at])
  at = at + 1
  local answer, marker, target = 1, nil, nil
  if head[2] == 1 then
    key = key + 1
    marker = KEYS[key]
  end
  if head[3] == 1 then
    key = key + 1
    target = KEYS[key]
  end
  local owner = stale[head[1]]
  if owner then answer = 'F' .. owner
  elseif marker then answer = mark(marker, ttl) end
  for command = 4, #head do
    local words = head[command]
    if answer == 1 then
      local reply
      if target then reply = redis.pcall(ARGV[at], target, unpack(ARGV, at + 1, at + words - 1))
      else reply = redis.pcall(unpack(ARGV, at, at + words - 1)) end
      if type(reply) == 'table' and reply.err then
        answer = 'E' .. reply.err
        if marker then redis.pcall('DEL', marker) end
      end
    end
    at = at + words
  end
  count = count + 1
  answers[count] = answer
  if answer == 1 then done = done + 1 end
end
if done == count then return count end
return answers
`)

/**
 * A script of the configuration behind the same guards. KEYS: fence and marker (where ARGV says that they are there),
 * then the script's own. ARGV: owner or '', fence's time to live, marker's time to live or '', then the script's own.
 * The answer is a list of one, as of WRITE_SCRIPT.
 */
export function guardedScript(text: string): LuaScript {
  return lua(`${GUARDS}
local function user(KEYS, ARGV)
${text}
end
local first = 1
if ARGV[1] ~= '' then
  local seen = fenced(KEYS[1], ARGV[1], ARGV[2])
  if seen then return {'F' .. seen} end
  first = 2
end
local marker
if ARGV[3] ~= '' then
  marker = KEYS[first]
  first = first + 1
  local answer = mark(marker, ARGV[3])
  if answer ~= 1 then return {answer} end
end
local keys, args = {}, {}
for at = first, #KEYS do keys[#keys + 1] = KEYS[at] end
for at = 4, #ARGV do args[#args + 1] = ARGV[at] end
local ok, reply = pcall(user, keys, args)
local failure
if not ok then failure = type(reply) == 'table' and reply.err or tostring(reply)
elseif type(reply) == 'table' and reply.err then failure = reply.err end
if failure then
  if marker then redis.pcall('DEL', marker) end
  return {'E' .. failure}
end
return {1}
`)
}
