"""Checks as alarms: what went wrong in the factory reaches a person, once, with a link.

Belongs here: what is worth a notice, the memory that says each one once, and the channels. Does not
belong here: deciding anything, or when it runs (`rooney_assets.schedules`, the sensor of
`notices.automation`).
"""
