"""What signals do to the command that runs; there is one in a process."""

from app.launcher.stopping import Stopping

stopping = Stopping()
