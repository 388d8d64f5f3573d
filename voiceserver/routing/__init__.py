"""Which text model answers a turn: the operator's rules, then a trained score. Pure."""
