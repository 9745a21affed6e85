-- It goes to the other server.
COPY total TO STDOUT;
