"""Street scenes with exact masks, drawn by the computer: the demo's own data.

The same scene is the same bytes every time. Two looks are the two domains: `source` is a clear day in a
plain, colourful world; `target` has other houses, trees, cars, light and weather, and a worse camera.
The parts of a scene are each drawn into its picture and its mask at once.
"""
