// The proxy of ECS Service Connect; see proxy.c.
const char *proxy_listen(void);        // 0, or what cannot be done, with errno
void proxy_serve(void);                // for ever, in a process of its own
const char *proxy_tell(char **words);  // what it is to know, in pieces; 0, or why it does not know it
