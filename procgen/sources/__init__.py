"""Sources of images other than shader programs: noise, leaves, fractals, untrained networks, real images."""
