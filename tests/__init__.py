"""Journeys across modules, install and upgrade, faults, access, browser; each module's own tests stand inside it."""
