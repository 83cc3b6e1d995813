// A flock of birds: where each flies next, and how it is drawn.

struct Bird {
    position: vec2<f32>,
    velocity: vec2<f32>,
};

struct Rules {
    apart: f32,
    along: f32,
    together: f32,
    sight: f32,
    fastest: f32,
    step: f32,
};

struct Flock {
    birds: array<Bird>,
};

struct Seen {
    away: vec2<f32>,
    course: vec2<f32>,
    centre: vec2<f32>,
    count: f32,
};

struct Drawn {
    @builtin(position) at: vec4<f32>,
    @location(0) tint: vec3<f32>,
};

@group(0) @binding(0) var<uniform> rules: Rules;
@group(0) @binding(1) var<storage, read> before: Flock;
@group(0) @binding(2) var<storage, read_write> after: Flock;

const SIZE: f32 = 0.012;
const TAU: f32 = 6.2831853;

fn wrap(position: vec2<f32>) -> vec2<f32> {
    return fract(position * 0.5 + 0.5) * 2.0 - 1.0;
}

fn slowed(velocity: vec2<f32>) -> vec2<f32> {
    let speed = length(velocity);
    if (speed > rules.fastest) {
        return velocity / speed * rules.fastest;
    }
    return velocity;
}

// What one bird sees of all others.
fn look(me: u32) -> Seen {
    var seen: Seen;
    let here = before.birds[me];
    for (var i: u32 = 0u; i < arrayLength(&before.birds); i = i + 1u) {
        if (i == me) {
            continue;
        }
        let other = before.birds[i];
        let way = other.position - here.position;
        let far = length(way);
        if (far > rules.sight) {
            continue;
        }
        seen.away = seen.away - way / max(far * far, 0.0001);
        seen.course = seen.course + other.velocity;
        seen.centre = seen.centre + other.position;
        seen.count = seen.count + 1.0;
    }
    return seen;
}

fn steer(here: Bird, seen: Seen) -> vec2<f32> {
    if (seen.count == 0.0) {
        return here.velocity;
    }
    let centre = seen.centre / seen.count;
    let course = seen.course / seen.count;
    return here.velocity
        + seen.away * rules.apart
        + (course - here.velocity) * rules.along
        + (centre - here.position) * rules.together;
}

@compute @workgroup_size(64)
fn fly(@builtin(global_invocation_id) id: vec3<u32>) {
    let me = id.x;
    if (me >= arrayLength(&before.birds)) {
        return;
    }
    var bird = before.birds[me];
    bird.velocity = slowed(steer(bird, look(me)));
    bird.position = wrap(bird.position + bird.velocity * rules.step);
    after.birds[me] = bird;
}

fn turned(point: vec2<f32>, angle: f32) -> vec2<f32> {
    let c = cos(angle);
    let s = sin(angle);
    return vec2<f32>(c * point.x - s * point.y, s * point.x + c * point.y);
}

@vertex
fn place(@builtin(vertex_index) corner: u32, @builtin(instance_index) which: u32) -> Drawn {
    let bird = before.birds[which];
    let angle = atan2(bird.velocity.y, bird.velocity.x);
    let around = f32(corner) / 3.0 * TAU;
    var drawn: Drawn;
    drawn.at = vec4<f32>(bird.position + turned(vec2<f32>(cos(around), sin(around)) * SIZE, angle), 0.0, 1.0);
    drawn.tint = vec3<f32>(0.2, 0.4, 0.5 + 0.5 * length(bird.velocity) / rules.fastest);
    return drawn;
}

@fragment
fn paint(drawn: Drawn) -> @location(0) vec4<f32> {
    return vec4<f32>(drawn.tint, 1.0);
}
