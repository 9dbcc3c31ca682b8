// The resolver of a task whose VPC has private namespaces; see names.c.
int dial_relay(const char *target);                                     // of pause.c; -1 when the emulator is away
const char *names_listen(const unsigned char *ip, unsigned short port);  // 0, or what cannot be done, with errno
void names_serve(const char *target);                                   // for ever, in a process of its own
