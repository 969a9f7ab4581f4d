"""Programs written elsewhere, for Shadertoy, TwiGL or a plain fragment shader, as shader programs of ours."""
