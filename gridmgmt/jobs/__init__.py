"""Jobs (后台任务): imports, scoring and exports that are asked for, followed, cancelled and worked off."""
