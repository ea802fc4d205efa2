/* fault: reads address 0, and so ends by SIGSEGV. */
int main(void)
{
    return *(volatile int *)0;
}
