/* Which Lathe this is. The compiler and the runtime library it links are of one build, so both read it here. */

#ifndef LRT_VERSION_H
#define LRT_VERSION_H

#define LATHE_VERSION "0.1"

#endif /* LRT_VERSION_H */
