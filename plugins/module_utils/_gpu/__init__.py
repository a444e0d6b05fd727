"""What NVIDIA hardware a host has and what stands in its way. Private to whisperops.gpu."""
