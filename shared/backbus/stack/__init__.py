"""The local stack: all services of one machine as processes under a supervisor that restarts what dies.

``up`` writes a supervisor configuration, starts it and waits until the orchestrator counts a healthy member of every
role; ``down`` leaves nothing running, whatever has been killed before. Several stacks live on one machine side by
side: each has its own state folder and its own addresses. Nothing here knows what a service does.
"""
