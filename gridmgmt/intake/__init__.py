"""Intake (数据接入): other systems' files by profile: cases, samples and step logs."""
