"""What the matching knows of the intake's cases: enough to let a need or a project name one."""
