"""Which modes does this caller hold on this target?"""
