// The resolver of a task whose VPC has private namespaces of AWS Cloud Map, at 169.254.170.2:53 over UDP and TCP.
//
// It knows no name. Each DNS message goes to the emulator as RFC 8484 has it, `POST /dns-query`, through the relay (so
// without TLS), and the answer comes back as it is. Who asks by UDP says how much it can take; the emulator cuts. When
// the emulator does not answer, the answer is SERVFAIL at once, so that the engine asks its next name server.
//
// Like the relay it listens on a port of its own, which nf_tables translates 53 to: the task's containers may listen on
// 53 themselves.
#include "names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { HEADER = 12, MOST = 65535, PATIENCE_S = 6, IDLE_S = 10 };

static int udp, tcp;
static unsigned char message[MOST], answer[MOST + 4096];

const char *names_listen(const unsigned char *ip, unsigned short port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  int yes = 1;
  memcpy(&address.sin_addr, ip, 4);
  udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (udp < 0 || tcp < 0) return "open the resolver's sockets";
  setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(udp, (struct sockaddr *)&address, sizeof address) < 0) return "bind the resolver";
  if (bind(tcp, (struct sockaddr *)&address, sizeof address) < 0) return "bind the resolver over TCP";
  return listen(tcp, 16) < 0 ? "listen for names" : 0;
}

static int send_all(int to, const void *data, size_t size) {
  for (ssize_t part; size; data = (const char *)data + part, size -= (size_t)part)
    if ((part = write(to, data, size)) <= 0) return -1;
  return 0;
}

static int read_all(int from, void *data, size_t size) {
  for (ssize_t part; size; data = (char *)data + part, size -= (size_t)part)
    if ((part = read(from, data, size)) <= 0) return -1;
  return 0;
}

static int send_query(int upstream, const char *path, size_t size) {
  char head[256], digits[8], *end = head;
  size_t count = 0, rest = size;
  do digits[count++] = (char)('0' + rest % 10);
  while (rest /= 10);
  end = stpcpy(stpcpy(stpcpy(end, "POST "), path), " HTTP/1.1\r\nHost: 169.254.170.2\r\nConnection: close\r\n");
  end = stpcpy(end, "Content-Type: application/dns-message\r\nContent-Length: ");
  while (count) *end++ = digits[--count];
  end = stpcpy(end, "\r\n\r\n");
  return send_all(upstream, head, (size_t)(end - head)) < 0 ? -1 : send_all(upstream, message, size);
}

static size_t exchange(const char *target, const char *path, size_t size) {  // how much of `message` is the answer; or 0
  struct timeval patience = {.tv_sec = PATIENCE_S};
  int upstream = dial_relay(target);
  size_t had = 0;
  if (upstream < 0) return 0;
  setsockopt(upstream, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(upstream, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (send_query(upstream, path, size) == 0)
    for (ssize_t part; had < sizeof answer && (part = read(upstream, answer + had, sizeof answer - had)) > 0;)
      had += (size_t)part;
  close(upstream);
  unsigned char *body = memmem(answer, had, "\r\n\r\n", 4);
  if (had < 12 || memcmp(answer, "HTTP/1.1 200", 12) || !body) return 0;
  size_t told = (size_t)(answer + had - (body += 4));
  if (told < HEADER || told > MOST) return 0;
  memcpy(message, body, told);
  return told;
}

static size_t resolve(const char *target, const char *path, size_t size) {
  size_t told = exchange(target, path, size);
  if (told) return told;
  message[2] |= 0x80;  // a response
  message[3] = 0x82;   // recursion available, SERVFAIL
  memset(message + 6, 0, 4);
  return size;
}

static void answer_datagram(const char *target) {
  struct sockaddr_in client;
  socklen_t room = sizeof client;
  ssize_t size = recvfrom(udp, message, sizeof message, MSG_DONTWAIT, (struct sockaddr *)&client, &room);
  if (size < HEADER || fork() != 0) return;  // who is not answered asks again
  size_t told = resolve(target, "/dns-query?transport=udp", (size_t)size);
  sendto(udp, message, told, 0, (struct sockaddr *)&client, room);
  _exit(0);
}

static void answer_stream(const char *target) {
  struct timeval idle = {.tv_sec = IDLE_S};
  unsigned char length[2];
  int client = accept(tcp, 0, 0);
  if (client < 0) return;
  if (fork() != 0) {
    close(client);
    return;
  }
  setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof idle);
  setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &idle, sizeof idle);
  while (read_all(client, length, 2) == 0) {
    size_t size = (size_t)length[0] << 8 | length[1];
    if (size < HEADER || read_all(client, message, size) < 0) break;
    size_t told = resolve(target, "/dns-query", size);
    length[0] = (unsigned char)(told >> 8), length[1] = (unsigned char)told;
    if (send_all(client, length, 2) < 0 || send_all(client, message, told) < 0) break;
  }
  _exit(0);
}

void names_serve(const char *target) {
  struct pollfd ready[2] = {{.fd = udp, .events = POLLIN}, {.fd = tcp, .events = POLLIN}};
  for (;;) {
    if (poll(ready, 2, -1) < 0) continue;
    if (ready[0].revents) answer_datagram(target);
    if (ready[1].revents) answer_stream(target);
  }
}
