"""yimmo-wsgi's module, for apps that were written for it; see denicorn."""

from denicorn import *  # noqa: F403
