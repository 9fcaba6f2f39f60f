/* Lathe's version, for the compiler and for the runtime library that it links. */

#ifndef LRT_VERSION_H
#define LRT_VERSION_H

#define LATHE_VERSION "0.1"

#endif /* LRT_VERSION_H */
