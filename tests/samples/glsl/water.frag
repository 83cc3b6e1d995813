#version 330 core
// The surface of a lake: waves, what is mirrored in them, and what lies below.

#define WAVES 4
#define PI 3.14159265359
#define SHALLOW vec3(0.16, 0.42, 0.45)
#define DEEP vec3(0.02, 0.09, 0.14)

struct Wave {
    vec2 direction;
    float length;
    float height;
    float speed;
};

struct Light {
    vec3 direction;
    vec3 colour;
};

in vec3 position;
in vec2 place;
out vec4 colour;

uniform float time;
uniform vec3 eye;
uniform Light sun;
uniform sampler2D ground;
uniform samplerCube sky;

const float CLARITY = 0.35;

Wave waves[WAVES] = Wave[](
    Wave(vec2(1.0, 0.0), 6.0, 0.12, 1.1),
    Wave(vec2(0.7, 0.7), 3.1, 0.07, 1.4),
    Wave(vec2(-0.3, 0.9), 1.7, 0.03, 1.9),
    Wave(vec2(0.1, -1.0), 0.8, 0.01, 2.6)
);

float phase(Wave wave, vec2 at) {
    float k = 2.0 * PI / wave.length;
    return k * dot(normalize(wave.direction), at) + wave.speed * time;
}

float height(vec2 at) {
    float sum = 0.0;
    for (int i = 0; i < WAVES; i++) {
        sum += waves[i].height * sin(phase(waves[i], at));
    }
    return sum;
}

// By differences: exact enough for a mirror that moves.
vec3 normal(vec2 at) {
    const float step = 0.02;
    float here = height(at);
    float right = height(at + vec2(step, 0.0));
    float ahead = height(at + vec2(0.0, step));
    return normalize(vec3(here - right, step, here - ahead));
}

vec3 foam(vec2 at) {
    float crest = smoothstep(0.12, 0.2, height(at));
    return vec3(crest) * 0.6;
}

float fresnel(vec3 view, vec3 up) {
    float facing = clamp(dot(view, up), 0.0, 1.0);
    return 0.02 + 0.98 * pow(1.0 - facing, 5.0);
}

vec3 below(vec2 at, vec3 bent) {
    float depth = texture(ground, at).a;
    vec2 seen = at + bent.xz * depth * 0.2;
    vec3 bottom = texture(ground, seen).rgb;
    float lost = 1.0 - exp(-depth / CLARITY);
    return mix(bottom * SHALLOW, DEEP, lost);
}

vec3 glitter(vec3 view, vec3 up) {
    vec3 halfway = normalize(view + sun.direction);
    float sharp = pow(max(dot(up, halfway), 0.0), 240.0);
    return sun.colour * sharp;
}

void main() {
    vec3 view = normalize(eye - position);
    vec3 up = normal(place);
    vec3 mirrored = texture(sky, reflect(-view, up)).rgb;
    vec3 bent = refract(-view, up, 1.0 / 1.33);

    vec3 water = mix(below(place, bent), mirrored, fresnel(view, up));
    water += glitter(view, up) + foam(place);

#ifdef FOG
    float far = length(eye - position);
    water = mix(water, vec3(0.7, 0.75, 0.8), 1.0 - exp(-far * 0.01));
#endif

    colour = vec4(pow(water, vec3(1.0 / 2.2)), 1.0);
}
