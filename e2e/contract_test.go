package e2e

import (
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

func TestContract(t *testing.T) {
	parallel(t)
	w := newWorld(t)
	hash := func(text string, cost int) string {
		return string(must(bcrypt.GenerateFromPassword([]byte(text), cost))(t))
	}
	w.set("hash", hash(token, bcrypt.MinCost))
	w.set("wrongHash", hash("another", bcrypt.MinCost))
	w.set("costlyHash", strings.Replace(hash(token, bcrypt.MinCost), "$04$", "$31$", 1))
	const nobody = "X-Auth-Token: "
	w.run(t, []row{
		{name: "ping", send: "GET /ping", status: 200, header: []string{nobody}},
		{name: "ping, the head alone", send: "HEAD /ping", status: 200, header: []string{nobody}},
		{name: "version", send: "GET /version", status: 200, header: []string{nobody}, response: `{"version": "v0-e2e", "githash": "abc1234", "buildstamp": "~."}`},
		{name: "metrics", send: "GET /metrics", status: 200, header: []string{nobody}, with: []string{"Content-Type: ~^text/plain"}},
		{name: "no token", send: "GET /local/clusters", status: 403, header: []string{nobody}},
		{name: "a wrong token", send: "GET /local/clusters", status: 403, header: []string{"X-Auth-Token: wrong"}},
		{name: "a hash of the token", send: "GET /local/clusters", status: 200, header: []string{"X-Auth-Token: ${hash}"}},
		{name: "a hash of another token", send: "GET /local/clusters", status: 403, header: []string{"X-Auth-Token: ${wrongHash}"}},
		{name: "a hash that would take hours", send: "GET /local/clusters", status: 403, header: []string{"X-Auth-Token: ${costlyHash}"}},
		{name: "no token, and nothing there", send: "GET /local/nothing", status: 403, header: []string{nobody}},
		{name: "a browser asks first", send: "OPTIONS /local/services", status: 200, header: []string{nobody, "Origin: https://ui.example.org", "Access-Control-Request-Method: POST"},
			with: []string{"Access-Control-Allow-Origin: ~.", "Access-Control-Allow-Methods: ~POST", "Access-Control-Allow-Headers: ~(?i)x-auth-token"}},
		{name: "a path that is not there", send: "GET /local/nothing/at/all", status: 404},
		{name: "a method that is not there", send: "PATCH /local/clusters", status: 405, with: []string{"Allow: ~GET.*POST"}},
		{name: "a caller's own request id", send: "GET /local/clusters", status: 200, header: []string{"X-Request-Id: from-the-caller"}, with: []string{"X-Request-Id: from-the-caller"}},
		{name: "a request id that is not sane", send: "GET /local/clusters", status: 200, header: []string{"X-Request-Id: <script>"}, with: []string{"X-Request-Id: ~^[0-9a-f-]{36}$"}},
		{name: "doubled slashes", send: "GET //local//clusters", status: 200, response: `[]`},
		{name: "a trailing slash", send: "GET /local/clusters/", status: 200, response: `[]`},
		{name: "a body over 1 MiB", send: "POST /local/clusters", status: 413, body: `{"clustername": "` + strings.Repeat("x", 1<<20) + `"}`},
		{name: "a body that never gets shallow", send: "POST /local/clusters", status: 400, body: strings.Repeat("[", 200_000)},
	})
	w.holds(t, "nothing was made")
}
