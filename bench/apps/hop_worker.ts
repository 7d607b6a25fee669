/** The other end of hop.ts. */

(self as unknown as Worker).onmessage = ({ data: port }: MessageEvent<MessagePort>) => {
  port.onmessage = ({ data }: MessageEvent<(number | string)[]>) => {
    const answers: (number | string)[] = [];
    for (let i = 0; i < data.length; i += 2) answers.push(data[i]!, 200, "Hello, world!\n");
    port.postMessage(answers);
  };
};
