from denicorn import *
