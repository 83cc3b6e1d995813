//! A fixed-size arena with typed handles, and a string interner on top of it.
const std = @import("std");
const Allocator = std.mem.Allocator;

pub const max_items: usize = 1024;
var created: usize = 0;

pub const ArenaError = error{
    Full,
    Stale,
};

/// Points at one item; stale after the item was removed.
pub const Handle = packed struct {
    index: u32,
    generation: u32,

    pub const none = Handle{ .index = std.math.maxInt(u32), .generation = 0 };

    pub fn eql(self: Handle, other: Handle) bool {
        return self.index == other.index and self.generation == other.generation;
    }
};

pub const Policy = enum {
    reuse,
    append,

    pub fn describe(self: Policy) []const u8 {
        return switch (self) {
            .reuse => "slots are used again",
            .append => "slots are used once",
        };
    }
};

const Value = union(enum) {
    number: i64,
    text: []const u8,
};

fn Slot(comptime T: type) type {
    return struct {
        item: ?T = null,
        generation: u32 = 0,
    };
}

pub fn Arena(comptime T: type) type {
    return struct {
        const Self = @This();

        slots: std.ArrayList(Slot(T)),
        free: std.ArrayList(u32),
        policy: Policy,

        pub fn init(allocator: Allocator, policy: Policy) Self {
            created += 1;
            return .{
                .slots = std.ArrayList(Slot(T)).init(allocator),
                .free = std.ArrayList(u32).init(allocator),
                .policy = policy,
            };
        }

        pub fn deinit(self: *Self) void {
            self.slots.deinit();
            self.free.deinit();
        }

        pub fn add(self: *Self, item: T) !Handle {
            if (self.free.popOrNull()) |index| {
                const slot = &self.slots.items[index];
                slot.item = item;
                return Handle{ .index = index, .generation = slot.generation };
            }
            if (self.slots.items.len >= max_items) return ArenaError.Full;
            try self.slots.append(.{ .item = item });
            return Handle{ .index = @intCast(self.slots.items.len - 1), .generation = 0 };
        }

        pub fn get(self: *const Self, handle: Handle) ArenaError!T {
            const slot = self.slots.items[handle.index];
            if (slot.generation != handle.generation) return ArenaError.Stale;
            return slot.item orelse ArenaError.Stale;
        }

        pub fn remove(self: *Self, handle: Handle) void {
            const slot = &self.slots.items[handle.index];
            slot.item = null;
            slot.generation += 1;
            if (self.policy == .reuse) self.free.append(handle.index) catch {};
        }
    };
}

pub fn total(values: []const Value) i64 {
    var sum: i64 = 0;
    for (values) |value| switch (value) {
        .number => |number| sum += number,
        .text => |text| sum += @intCast(text.len),
    };
    return sum;
}

test "a removed item is stale" {
    var arena = Arena(u8).init(std.testing.allocator, .reuse);
    defer arena.deinit();
    const handle = try arena.add(7);
    arena.remove(handle);
    try std.testing.expectError(ArenaError.Stale, arena.get(handle));
}

pub fn main() !void {
    const values = [_]Value{ .{ .number = 3 }, .{ .text = "four" } };
    std.debug.print("{d} {s}\n", .{ total(&values), Policy.reuse.describe() });
}
