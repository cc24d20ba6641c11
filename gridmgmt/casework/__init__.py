"""Casework (案件办理): a case's life, its steps, deadlines, hanging accounts, repeats and photographs."""
