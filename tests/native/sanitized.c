/* What AddressSanitizer is told in the hutch-init of tests: it has no environment to say it in.
 * Memory that the init keeps until its exec is no leak, and after the change of root there is no
 * program to look symbols up. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0:symbolize=0:exitcode=99";
}
