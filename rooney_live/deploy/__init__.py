"""What a server needs: systemd units, the install script, the runbook.

Belongs here: files that are copied to a server, as they are. Does not belong here: code.
"""
