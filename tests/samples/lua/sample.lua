-- A turn-based dungeon: rooms, a player and a loop over commands.
local json = require("json")
local random = require("lib.random")

local Dungeon = {}
Dungeon.__index = Dungeon

local LIMIT = 40

--- Makes a dungeon of so many rooms.
function Dungeon.new(size, seed)
  local self = setmetatable({}, Dungeon)
  self.rooms = {}
  self.random = random.from(seed or 1)
  for i = 1, math.min(size, LIMIT) do
    self.rooms[i] = { name = "room " .. i, exits = {}, items = {} }
  end
  self:connect()
  return self
end

function Dungeon:connect()
  local function link(a, b)
    table.insert(a.exits, b)
    table.insert(b.exits, a)
  end

  for i = 2, #self.rooms do
    link(self.rooms[i - 1], self.rooms[i])
  end
end

function Dungeon:place(item, index)
  local room = self.rooms[index]
  if not room then
    error("no room " .. tostring(index), 2)
  end
  room.items[#room.items + 1] = item
  return room
end

local function describe(room)
  local lines = { room.name }
  for _, item in ipairs(room.items) do
    lines[#lines + 1] = "  " .. item
  end
  return table.concat(lines, "\n")
end

local Player = {}
Player.__index = Player

Player.new = function(name, room)
  return setmetatable({ name = name, room = room, bag = {} }, Player)
end

function Player:take(item)
  for index, found in ipairs(self.room.items) do
    if found == item then
      table.remove(self.room.items, index)
      self.bag[#self.bag + 1] = item
      return true
    end
  end
  return false
end

function Player:move(direction)
  local exit = self.room.exits[direction]
  if exit then
    self.room = exit
  end
  return exit ~= nil
end

local commands = {
  look = function(player)
    return describe(player.room)
  end,

  go = function(player, where)
    return player:move(tonumber(where)) and describe(player.room) or "no way"
  end,

  take = function(player, item)
    return player:take(item) and "taken" or "not here"
  end,
}

local function run(player, line)
  local verb, rest = line:match("^(%S+)%s*(.*)$")
  local command = commands[verb]
  if command == nil then
    return "what?"
  end
  return command(player, rest)
end

local M = { Dungeon = Dungeon, Player = Player }

function M.play(script)
  local dungeon = Dungeon.new(3)
  dungeon:place("lamp", 2)
  local player = Player.new("guest", dungeon.rooms[1])
  local log = {}
  for line in script:gmatch("[^\n]+") do
    log[#log + 1] = run(player, line)
  end
  return json.encode(log)
end

return M
