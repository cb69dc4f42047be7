package e2e

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisNode is a redis-server of a cluster, or one that sentinels watch, or a sentinel.
type redisNode struct {
	port string
	cmd  *exec.Cmd
}

func (n redisNode) address() string { return "127.0.0.1:" + n.port }

func (n redisNode) client() *redis.Client {
	return redis.NewClient(&redis.Options{Addr: n.address(), Password: redisPassword})
}

// startNode starts a redis-server with more arguments, which ends with the test.
func startNode(t *testing.T, port string, args ...string) redisNode {
	t.Helper()
	var output bytes.Buffer
	cmd := exec.CommandContext(context.Background(), os.Getenv(redisVariable), append(args, "--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", "")...)
	cmd.Stdout = &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	n := redisNode{port, cmd}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if conn, err := net.DialTimeout("tcp", n.address(), time.Second); err == nil {
			_ = conn.Close()
			return n
		}
		if time.Now().After(deadline) {
			t.Fatalf("redis-server does not start:\n%s", output.String())
		}
	}
}

// withTLS starts a Redis that speaks TLS alone, and returns its URL and the file of the certificate that servers must trust.
func withTLS(t *testing.T) (url, trusted string) {
	t.Helper()
	dir := t.TempDir()
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "redis"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	files := map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))(t)},
		"key.pem":  {Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(key))(t)},
	}
	for name, block := range files {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	trusted = filepath.Join(dir, "cert.pem")
	port := freePort(t)
	n := startNode(t, port, "--port", "0", "--tls-port", port, "--tls-cert-file", trusted, "--tls-key-file", filepath.Join(dir, "key.pem"), "--tls-ca-cert-file", trusted,
		"--tls-auth-clients", "no", "--requirepass", redisPassword)
	return "rediss://:" + redisPassword + "@" + n.address(), trusted
}

// clustered starts a cluster of three nodes and returns its URL.
func clustered(t *testing.T) string {
	t.Helper()
	const slots = 16384
	var nodes []redisNode
	var buses []string
	for range 3 {
		port, bus := freePort(t), freePort(t)
		nodes = append(nodes, startNode(t, port, "--port", port, "--cluster-enabled", "yes", "--cluster-port", bus, "--requirepass", redisPassword, "--masterauth", redisPassword))
		buses = append(buses, bus)
	}
	ctx := t.Context()
	for i, n := range nodes {
		client := n.client()
		t.Cleanup(func() { _ = client.Close() })
		if err := client.ClusterAddSlotsRange(ctx, slots*i/3, slots*(i+1)/3-1).Err(); err != nil {
			t.Fatal(err)
		}
		if err := client.Do(ctx, "cluster", "meet", "127.0.0.1", nodes[0].port, buses[0]).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range nodes {
		client := n.client()
		soon(t, "the cluster is up", func() bool {
			info := client.ClusterInfo(ctx).Val()
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:3")
		})
		_ = client.Close()
	}
	return fmt.Sprintf("redis://:%s@%s?addr=%s&addr=%s", redisPassword, nodes[0].address(), nodes[1].address(), nodes[2].address())
}

// watched starts a Redis, a replica of it and three sentinels. It returns their URL, and what kills the master, and hangs the sentinel that the servers use.
func watched(t *testing.T) (url string, fail func()) {
	t.Helper()
	port := freePort(t)
	master := startNode(t, port, "--port", port, "--requirepass", redisPassword, "--masterauth", redisPassword)
	port = freePort(t)
	startNode(t, port, "--port", port, "--requirepass", redisPassword, "--masterauth", redisPassword, "--replicaof", "127.0.0.1", master.port)
	var sentinels []redisNode
	for range 3 {
		port, config := freePort(t), filepath.Join(t.TempDir(), "sentinel.conf")
		text := fmt.Sprintf("port %s\nsentinel monitor main 127.0.0.1 %s 2\nsentinel auth-pass main %s\nsentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 5000\n", port, master.port, redisPassword)
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		sentinels = append(sentinels, startNode(t, port, config, "--sentinel"))
	}
	client := redis.NewSentinelClient(&redis.Options{Addr: sentinels[0].address()})
	t.Cleanup(func() { _ = client.Close() })
	soon(t, "the sentinels know each other and the replica", func() bool {
		m := client.Master(t.Context(), "main").Val()
		others, _ := strconv.Atoi(m["num-other-sentinels"])
		return others == 2 && m["num-slaves"] == "1"
	})
	url = fmt.Sprintf("redis://%s?master_name=main&password=%s", sentinels[0].address(), redisPassword) // that one tells of the others
	return url, func() {
		_ = sentinels[0].cmd.Process.Signal(syscall.SIGSTOP)
		_ = master.cmd.Process.Kill()
	}
}

func soon(t *testing.T, what string, ok func() bool) { (&fleet{t: t}).eventually(what, ok) }

// TestFleetOnEachKindOfRedis has servers share a Redis with TLS, a cluster, and one that sentinels watch: a key is one for both servers, and what one deletes the other shows.
// Sentinels make another Redis the master when it dies, and the servers follow, though the sentinel that they use hangs by then.
func TestFleetOnEachKindOfRedis(t *testing.T) {
	if !onRealRedis() {
		t.Skip("miniredis is none of these; make test-redis runs it")
	}
	t.Parallel()
	t.Run("TLS", func(t *testing.T) {
		t.Parallel()
		url, trusted := withTLS(t)
		newFleetOn(t, url, "SSL_CERT_FILE="+trusted).agrees("one")
	})
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		newFleetOn(t, clustered(t)).agrees("one")
	})
	t.Run("sentinels", func(t *testing.T) {
		t.Parallel()
		url, fail := watched(t)
		f := newFleetOn(t, url)
		f.agrees("one")
		fail()
		f.all("down")
		f.all("up")
		f.agrees("two")
	})
}

// newFleetOn starts two servers that share the Redis at the URL.
func newFleetOn(t *testing.T, url string, env ...string) *fleet {
	t.Helper()
	f := newFleetWithoutServers(t)
	f.more["state"] = map[string]any{"redis": url}
	f.env = env
	f.add()
	f.add()
	f.all("up")
	return f
}

// agrees creates a service with a key on one server, repeats that on another, deletes it there, and follows the operation on the first.
func (f *fleet) agrees(key string) {
	t := f.t
	t.Helper()
	status, first, _ := f.post(0, key, crashService)
	if status != http.StatusOK {
		t.Fatalf("create: %d %s", status, first)
	}
	if status, body, header := f.post(1, key, crashService); status != http.StatusOK || body != first || header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("the same on another server: %d %s", status, body)
	}
	status, body, header := f.servers[1].ask(t, http.MethodDelete, crashPath+"?recursive=true", "")
	if status != http.StatusOK {
		t.Fatalf("delete: %d %s", status, body)
	}
	operation := strings.TrimPrefix(header.Get("Operation-Location"), "/v1/ecs")
	if status, body, _ := f.servers[0].ask(t, http.MethodGet, operation+"?wait=60", ""); status != http.StatusOK || stateOf(t, body) != "succeeded" {
		t.Errorf("the operation on another server: %d %s", status, body)
	}
	if status, body, _ := f.servers[0].ask(t, http.MethodGet, "/local/operations", ""); status != http.StatusOK || !strings.Contains(body, header.Get("Operation-Location")[strings.LastIndex(header.Get("Operation-Location"), "/")+1:]) {
		t.Errorf("the operations: %d %s", status, body)
	}
	onlyLogs(t, f.aws, "in the end")
}
