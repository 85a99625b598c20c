"""Reference audio and emotion into what the GPT and the flow are conditioned on."""
