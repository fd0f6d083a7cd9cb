#!/bin/sh
# Claude Code speaks Streamable HTTP itself. It finds the identity provider by the gateway's metadata and signs you in:
claude mcp add --transport http snowfence https://snowfence.example.com/mcp

# With a token of your own instead:
# claude mcp add --transport http snowfence https://snowfence.example.com/mcp --header "Authorization: Bearer $SNOWFENCE_TOKEN"
