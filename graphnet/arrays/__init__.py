"""The arrays that callers give: made of what stands for them, and their numbers checked. Knows no network."""
