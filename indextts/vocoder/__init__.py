"""BigVGAN: mel into waveform."""
