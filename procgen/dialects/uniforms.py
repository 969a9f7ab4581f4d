"""What imported programs are told: uniforms of each dialect as GLSL types and expressions.

Time is the one number drawn, 0.1 to 10 s as in Baradad et al. 2022 (Shaders-21k); a still mouse at 0 and the rest
follow from it, so that a program is a family of images in one number. A texture that is not there (channels, the
frame before) is one fixed noise texture; the record names the samplers that it stands in for.

Sources: Shadertoy's and TwiGL's public documentation of their inputs; GLSL Sandbox and The Book of Shaders for plain
fragment shaders.
"""

from __future__ import annotations

from typing import Literal

from procgen.parameters import Parameter

Dialect = Literal[
    "native",
    "shadertoy",
    "plain",
    "twigl_classic",
    "twigl_classic_300es",
    "twigl_classic_mrt",
    "twigl_geek",
    "twigl_geek_300es",
    "twigl_geek_mrt",
    "twigl_geeker",
    "twigl_geeker_300es",
    "twigl_geeker_mrt",
    "twigl_geekest",
    "twigl_geekest_300es",
    "twigl_geekest_mrt",
]

TIME = Parameter(name="time_seconds", kind="uniform", low=0.1, high=10.0)
STAND_IN_SIDE_PX = 256
FRAMES_PER_SECOND = 60

_FRAME = f"floor({TIME.name} * {FRAMES_PER_SECOND}.0)"
_RESOLUTION = "vec2(_size)"
_SIDE = f"{STAND_IN_SIDE_PX}.0"
_CHANNEL = f"vec3({_SIDE}, {_SIDE}, 1.0)"

# name: (type, expression); a sampler has no expression
Table = dict[str, tuple[str, str]]

SHADERTOY: Table = {
    "iTime": ("float", TIME.name),
    "iGlobalTime": ("float", TIME.name),
    "iResolution": ("vec3", f"vec3({_RESOLUTION}, 1.0)"),
    "iMouse": ("vec4", "vec4(0.0)"),
    "iFrame": ("int", f"int({_FRAME})"),
    "iDate": ("vec4", f"vec4(2024.0, 0.0, 1.0, 43200.0 + {TIME.name})"),
    "iSampleRate": ("float", "44100.0"),
    "iTimeDelta": ("float", f"1.0 / {FRAMES_PER_SECOND}.0"),
    "iFrameRate": ("float", f"{FRAMES_PER_SECOND}.0"),
    "iChannelTime": ("float[4]", f"float[4]({', '.join([TIME.name] * 4)})"),
    "iChannelResolution": ("vec3[4]", f"vec3[4]({', '.join([_CHANNEL] * 4)})"),
} | {f"iChannel{i}": ("sampler2D", "") for i in range(4)}

CLASSIC: Table = {
    "time": ("float", TIME.name),
    "resolution": ("vec2", _RESOLUTION),
    "mouse": ("vec2", "vec2(0.0)"),
    "frame": ("float", _FRAME),
    "sound": ("float", "0.0"),
} | {name: ("sampler2D", "") for name in ("backbuffer", "backbuffer0", "backbuffer1")}

GEEK: Table = {
    "t": ("float", TIME.name),
    "r": ("vec2", _RESOLUTION),
    "m": ("vec2", "vec2(0.0)"),
    "f": ("float", _FRAME),
    "s": ("float", "0.0"),
}
GEEK_BACKBUFFER: Table = {"b": ("sampler2D", "")}
GEEK_BACKBUFFERS: Table = {name: ("sampler2D", "") for name in ("b0", "b1")}

PLAIN: Table = (
    SHADERTOY
    | CLASSIC
    | {
        "u_time": ("float", TIME.name),
        "u_resolution": ("vec2", _RESOLUTION),
        "u_mouse": ("vec2", "vec2(0.0)"),
    }
)
