#!/bin/sh
# The same in curl, one call at a time: sh docs/examples/requests.sh <call>
set -eu
connect="${CONNECT_URL:-http://localhost:3000}/api/v1"
user="$connect/users/customer%2042"

call() { curl --silent --show-error --header "authorization: Bearer $API_KEY" --header 'content-type: application/json' "$@"; }

case "${1:-}" in
  link) call "$user/links" --data '{"language":"en","expiresInSeconds":3600}' ;;
  connection) call "$user/connections/dinero" ;;
  token) call "$user/connections/dinero/token" --data '{"minTtlSeconds":300}' ;;
  companies) call "$user/connections/dinero/organizations" ;;
  choose) call "$user/connections/dinero/organization" --request PUT --data "{\"organizationId\":\"$2\"}" ;;
  events) call "$user/connections/dinero/events?limit=10" ;;
  contacts) call --globoff "$user/connections/dinero/proxy/v1/{organizationId}/contacts?fields=Name,Email" ;;
  all) call "$connect/connections?status=connected" ;;
  end) call "$user/connections/dinero" --request DELETE ;;
  *) echo "usage: API_KEY=dck_… sh $0 link|connection|token|companies|choose <id>|events|contacts|all|end" >&2; exit 64 ;;
esac
